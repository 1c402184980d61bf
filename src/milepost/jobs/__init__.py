"""The job queue: Procrastinate's, in the same database."""
