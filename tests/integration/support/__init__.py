"""What the integration tests share: the gateway as a process, and clients that talk to it."""
