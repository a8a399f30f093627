/** When assets make a DAG run: one asset has an event, all of several do, or any. */
export type AssetCondition =
  | { readonly kind: 'asset'; readonly uri: string }
  | { readonly kind: 'all'; readonly of: readonly AssetCondition[] }
  | { readonly kind: 'any'; readonly of: readonly AssetCondition[] };

/** Whether a condition holds with events of these assets in the queue. */
export function isSatisfied(condition: AssetCondition, queued: ReadonlySet<string>): boolean {
  switch (condition.kind) {
    case 'asset':
      return queued.has(condition.uri);
    case 'all':
      return condition.of.every((part) => isSatisfied(part, queued));
    case 'any':
      return condition.of.some((part) => isSatisfied(part, queued));
  }
}

/** Every asset that a condition names, in order, each once. */
export function conditionUris(condition: AssetCondition): string[] {
  if (condition.kind === 'asset') return [condition.uri];
  return [...new Set(condition.of.flatMap(conditionUris))];
}

/** What still has to come: the condition without what holds already; undefined where all of it holds. */
export function missingPart(
  condition: AssetCondition,
  queued: ReadonlySet<string>,
): AssetCondition | undefined {
  if (isSatisfied(condition, queued)) return undefined;
  if (condition.kind === 'asset') return condition;
  const of = condition.of
    .map((part) => missingPart(part, queued))
    .filter((part): part is AssetCondition => part !== undefined);
  const [only] = of;
  return of.length === 1 && only !== undefined ? only : { kind: condition.kind, of };
}

/** A condition for people: `a and (b or c)`. */
export function conditionText(condition: AssetCondition): string {
  const whole = withoutShells(condition);
  if (whole.kind === 'asset') return whole.uri;
  const word = whole.kind === 'all' ? ' and ' : ' or ';
  return whole.of
    .map(withoutShells)
    .map((part) =>
      part.kind === 'asset' || part.kind === whole.kind ? conditionText(part) : `(${conditionText(part)})`,
    )
    .join(word);
}

/** What a group of one part comes down to. */
function withoutShells(condition: AssetCondition): AssetCondition {
  if (condition.kind === 'asset') return condition;
  const [only, ...others] = condition.of;
  return only !== undefined && others.length === 0 ? withoutShells(only) : condition;
}
