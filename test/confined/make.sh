# Two programs at a time, by make's own job server.
set -eu
for name in one two three; do
  echo "#include <stdio.h>
int main(void) { return puts(\"$name\") < 0; }" >$name.c
done
printf 'all: one two three\n\tfor name in $^; do ./$$name; done\n' >Makefile
make -j2 --silent all
