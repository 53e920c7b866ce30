"""Faces judged on this server, without a vendor: the extra `faces`. What it is worth, and what not: README.md.

challenges   what a person is asked to do, drawn anew for each check
seeing       what a worker process sees in pictures: the only module that knows the library
measures     what landmarks say: eyes, mouth, where a head is turned, how alike two faces are
judging      what the sights of a check add up to
provider     the face provider
"""
