"""Face checks: begun with a provider, brought to their one end; and the tries that count.

starting   written down first, then told to the first of its providers that answers
choosing   which provider a check goes to, and which it falls back to
tries      what counts against a person, and what a day's checks may cost
events     what providers call back, heard once
frames     what a check on this server is judged by, gone with its end
passes     when a living face has passed last
ending     one end, whatever comes late, twice or out of order
checks     found and locked
"""
