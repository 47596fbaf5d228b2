# The store is the one file of a branch that has no past: it is replaced as a whole, so that the repository does not grow
# by a database with every run; and only when nobody else has replaced it meanwhile.
store="$RESULTS/history.db"
stored=no
for _ in 1 2 3 4 5; do
  rm -f "$store" "$store-wal" "$store-shm"
  before=
  if git fetch --depth 1 "$REMOTE" "refs/heads/$HISTORY_BRANCH"; then
    before="$(git rev-parse FETCH_HEAD)"
    git cat-file blob "$before:history.db" > "$store"
  fi
  for folder in "$RESULTS"/runs/*/; do
    case="$(basename "$folder")"
    set -- "$folder"new-[0-9]*.perfdb
    [ -e "$1" ] || continue
    perfagent history add --store "$store" --commit "$COMMIT" --branch "$BRANCH" --suite "$case" --machine "$MACHINE" "$@"
  done
  if [ ! -e "$store" ]; then
    echo "perfagent: no run ended well, so that there is nothing to store"
    exit 0
  fi
  tree="$(printf '100644 blob %s\thistory.db\n' "$(git hash-object -w "$store")" | git mktree)"
  after="$(git -c user.name=perfagent -c user.email=perfagent@localhost commit-tree -m "History up to $COMMIT" "$tree")"
  if git push --force-with-lease="refs/heads/$HISTORY_BRANCH:$before" "$REMOTE" "$after:refs/heads/$HISTORY_BRANCH"; then
    stored=yes
    break
  fi
done
if [ "$stored" = no ]; then
  echo "perfagent: the history could not be stored in the branch $HISTORY_BRANCH; see above" >&2
  exit 2
fi
code=0
perfagent history check --store "$store" --branch "$BRANCH" --machine "$MACHINE" --markdown > "$RESULTS/history.md" || code=$?
cat "$RESULTS/history.md"
[ -z "${GITHUB_STEP_SUMMARY:-}" ] || cat "$RESULTS/history.md" >> "$GITHUB_STEP_SUMMARY"
exit "$code"
