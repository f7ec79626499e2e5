"""A stream's events in the words of others: pure functions of events, and what they remember.

- `wellformed` gives what every other one begins with: groups that open and close rightly, whatever is cut off
  or repeated.
- `ui_messages` writes the chunks of the AI SDK's UI message stream, `ag_ui` the events of AG-UI, `log` the
  messages that the session's log gets.

Agents' own events become a stream's in `turnlog.integrations`: `claude_events`, `openai_events`.

A sub-agent's events bear its id as `subagent`, between `turnlog-subagent-start` and `turnlog-subagent-end`
with that `id`. They have no steps.
"""
