"""Whether providers accept what Turnlog exports: their own types, and the AI SDK's own validator, say so."""
