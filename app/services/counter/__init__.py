"""What staff do for people who stand before them, at a branch's window or a hospital's office.

serving      who serves whom, where and for what; nobody serves their own family
knowing      whose card a number is on
reading      cards that terminals read
using        a card that was read, used for what it was read for
looking      how somebody stands, looked at for a purpose
binding      medical accounts shared by cards on a counter
emergencies  looks without a card, at once
reviewing    what others of the staff find of them later
papers       somebody who shows a document instead of their card
deeds        something done once: by whom, and what holds in the very transaction
enrolling    applications found and attested
opening      applications begun there
numbering    order numbers of what was done without a connection
offline      what was done without a connection, replayed
leaving      links ended and disputed
proving      who somebody is attested where a face is waited for outside of applications
unlocking    the lock of a card password lifted
"""
