"""How people decide: whoever of the staff is a reviewer sees a queue, claims a case, looks into it, decides.

queue      what waits in the regions that an office serves
claiming   one reviewer holds a case for a while, and never their own family's
concerned  whom a case is about
reading    what the reviewer needs to see
deciding   the decision, and what follows from it
lateness   how many are past their deadline, for each office
"""
