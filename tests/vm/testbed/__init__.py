# SPDX-License-Identifier: GPL-2.0-or-later
"""The image half of the testbed: what tests/vm/cache is made of."""


class Failure(Exception):
    """Something the user can act on: printed as one message, without a traceback."""
