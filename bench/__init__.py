"""`make bench`: AgentHub beside other supervisors and bare programs, in one run."""
