"""The client against a gRPC server in the same process, which fails when it is told to."""
