# An agent and a terminal server of its own: named sockets.
set -eu
eval "$(ssh-agent -s)" >/dev/null
ssh-keygen -q -t ed25519 -N '' -C key -f key
ssh-add -q key
ssh-add -l | cut -d' ' -f3-
ssh-agent -k >/dev/null
tmux -S socket new-session -d 'echo "from tmux" >writing; mv writing told'
while ! test -e told; do sleep 0.01; done
cat told
