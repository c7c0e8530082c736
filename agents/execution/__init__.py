"""The execution engine: tasks of native agents, their conversations and their tools."""
