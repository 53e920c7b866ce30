"""Staff: who they are, where they work, how they sign in with two factors.

offices      places to go to
registering  who is added, given a new secret, removed: at the machine alone
totp         codes of an authenticator app (RFC 6238)
signing      password and code
sessions     who a request of theirs comes from
duties       what each may do, by role and kind of office
"""
