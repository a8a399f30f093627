/**
 * Begins all of them at once, for tests that mostly wait; each test then awaits its own, which throws there and nowhere else.
 */
export function sideBySide<Name extends string>(
  stories: Readonly<Record<Name, () => Promise<void>>>,
): Readonly<Record<Name, Promise<void>>> {
  const begun = Object.entries<() => Promise<void>>(stories).map(([name, story]) => {
    const outcome = story();
    outcome.catch(() => undefined);
    return [name, outcome] as const;
  });
  return Object.fromEntries(begun) as Record<Name, Promise<void>>;
}
