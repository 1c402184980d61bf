"""The sandbox: every provider's simulator over one deterministic fleet, with faults on demand."""
