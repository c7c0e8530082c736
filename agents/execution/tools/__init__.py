"""What a model may do: each tool is one module, and `toolbox` has them all."""
