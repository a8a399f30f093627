/** ` (did you mean "…"?)` where a known name is near the given one, else empty. */
export function nearestName(given: string, known: readonly string[]): string {
  const lower = given.toLowerCase();
  const ranked = known
    .map((name) => ({ name, distance: editDistance(lower, name.toLowerCase()) }))
    .sort((a, b) => a.distance - b.distance);
  const [nearest] = ranked;
  const maxDistance = Math.ceil(given.length / 3);
  return nearest === undefined || nearest.distance > maxDistance ? '' : ` (did you mean "${nearest.name}"?)`;
}

/** Levenshtein distance in code units. */
function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let row = 1; row <= a.length; row += 1) {
    const current = [row];
    for (let column = 1; column <= b.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[b.length] ?? 0;
}
