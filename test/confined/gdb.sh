# gdb starts a program, and attaches to another child of the same tree; strace follows one.
set -eu
printf '%s\n' '#include <unistd.h>' 'int answer = 42;' 'int main(void) { return pause(); }' >paused.c
cc -g -o paused paused.c
gdb -nx -batch -ex 'break main' -ex run -ex 'print answer' ./paused 2>&1 | grep '^\$1'
./paused &
gdb -nx -batch -p $! -ex 'print answer' 2>&1 | grep '^\$1'
kill $!
strace -f -e trace=execve sh -c true 2>&1 | grep -c execve
