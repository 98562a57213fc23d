"""The errors a user can cause and mend."""


class UserError(Exception):
    """Bad input. The message is one line: the key, the value, and the nearest valid choice.

    The command line prints it without a traceback (unless ``LOPA_DEBUG=1``) and exits with status 2.
    """

    exit_status = 2
