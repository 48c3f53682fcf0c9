# What a confined program can't do: its caller, and a process outside.
kill -0 "$OUTSIDE" 2>/dev/null && echo "kill -0 works"
gdb -nx -batch -p "$OUTSIDE" 2>&1 | grep -q 'Operation not permitted' || echo "gdb attaches"
true
