"""Certification of benefits: that somebody who is paid for life lives, shown once in twelve months by any way.

stages     where time leads, by the days left
rows       found, locked, and what they hold
turning    led on by time, by the authority, by what was shown
learning   what the authority says, brought in; certified by data without anybody doing anything
reminding  when it is time, holder and family are told, each time once
telling    who hears of it
asking     begun by a face, or handed to people
withdrawing taken back, with the consent to its face
abandoning ended with the account of whoever asked, or is asked about
attesting  attested at a window in place of the face
ending     how a certification ends: by face, by people, by another that was faster
reporting  the authority is told, until it has heard
reading    what the holder and their family see
"""
