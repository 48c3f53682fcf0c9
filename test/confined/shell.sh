# Background jobs, timeouts and signals within the tree.
sleep 100 &
kill $! && wait $!
echo "job $?"
timeout -s INT 0.2 sleep 100
echo "timeout $?"
(trap 'echo got TERM; exit 3' TERM; kill -TERM "$(sh -c 'echo $PPID')"; sleep 5)
echo "trap $?"
setsid sh -c 'nohup true' </dev/null 2>/dev/null
echo "setsid $?"
sh -c 'kill -STOP $$; echo continued' &
while ! grep -q stopped /proc/$!/status; do sleep 0.01; done
kill -CONT $! && wait $!
