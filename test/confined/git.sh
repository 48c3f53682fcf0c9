# A repository with a hook, a clone through a pipe, a merge, a rebase, packing.
set -eu
export GIT_AUTHOR_DATE='2026-01-01T00:00:00Z' GIT_COMMITTER_DATE='2026-01-01T00:00:00Z'
git config --global user.name user
git config --global user.email user@example
git config --global init.defaultBranch main
git init -q one
cd one
printf '#!/bin/sh\necho hook\n' >.git/hooks/pre-commit
chmod +x .git/hooks/pre-commit
echo a >a && git add a && git commit -qm a
git checkout -qb other && echo b >b && git add b && git commit -qm b
git checkout -q main && echo c >c && git add c && git commit -qm c
git merge -q --no-edit other && git mv a d && git commit -qm moved
cd ..
git clone -q --no-local one two
git -C two gc --quiet --prune=now
git -C two fsck --no-progress
git -C two log --format='%h %s'
