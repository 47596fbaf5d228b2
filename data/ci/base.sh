# A pull request is compared with the commit that it would be merged into, a push with what was there before it. That is
# the parent where it is not said, as for a new branch, or gone, as after a forced push.
base="${BASE_COMMIT:-}"
case "$base" in
  *[1-9a-f]*) git cat-file -e "$base^{commit}" || git fetch --depth 1 origin "$base" || base='HEAD^1' ;;
  *) base='HEAD^1' ;;
esac
if ! git rev-parse --quiet --verify "$base^{commit}" > /dev/null; then
  echo "perfagent: there is no commit before this one to compare with" >&2
  exit 2
fi
