"""What can go wrong."""


class KenshoError(Exception):
    """`definite` says that the statement had no effect and never will; otherwise nobody knows."""

    definite: bool = True


class Refused(KenshoError):
    """A node looked at the statement and refused it: no attempt would fare better."""

    def __init__(self, statement: str, status: int, code: int, message: str, definite: bool):
        super().__init__(f"{statement}: {message} (error {code}, status {status})")
        self.status = status
        self.code = code
        self.message = message
        self.definite = definite


class GaveUp(KenshoError):
    """No attempt succeeded within the failover timeout."""

    def __init__(self, statement: str, seconds: float, attempts: int, trouble: str, definite: bool):
        effect = "it had no effect" if definite else "it may have taken effect, or may still do so"
        super().__init__(f"{statement}: given up after {seconds:.1f} s and {attempts} attempts: {trouble}; {effect}")
        self.attempts = attempts
        self.definite = definite
