"""What commands end with; docs/scheduling.md says what a scheduler should do about each."""

DONE = 0
#: Something is wrong that the message says how to fix.
FAILED = 2
#: Something that is served differs from what it should be.
DIFFERENT = 4
#: Done, and the gate refused a version.
REFUSED = 10
#: The data are not fit.
UNFIT = 20
#: A store does not answer.
UNAVAILABLE = 30
#: Another refresh runs.
RUNNING = 40
