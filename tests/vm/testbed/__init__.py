# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests/vm/cache and tests/vm/run are made of."""


class Failure(Exception):
    """Something the user can act on: printed as one message, without a traceback."""
