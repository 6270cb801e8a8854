"""The few errors of merx, each one paragraph: what, where, how many, what to do."""


class MerxError(Exception):
    """Base of every error meant for the user; the CLI prints its text and exits with status 1."""


class DataError(MerxError):
    """A file or a table does not hold what it must."""


class ConfigError(MerxError):
    """shop.toml, or a config given in Python, has an unknown key or an impossible value."""


class FitError(MerxError):
    """The data cannot carry the model that was asked for."""


class ArtefactError(MerxError):
    """A saved model was tampered with, is truncated, foreign, or from the future."""


class RequestError(MerxError):
    """A question that cannot be answered: an unknown shopper or product, a horizon too long."""
