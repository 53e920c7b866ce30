"""Handovers as rows, and the members who hold them; what they mean for an enrolment is `enrolments`' to say."""
