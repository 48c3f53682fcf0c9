# A set-id program, as sudo, su, ping of old and fusermount are.
"$SETID" -u
