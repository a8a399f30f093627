import { limits } from '../../core/limits.js';

/** A tree of texts; its objects have no prototype, so that a name such as `__proto__` is a name. */
type FormNode = { [name: string]: FormNode | string };

/**
 * A form as JSON: `data[merges][FNAME]=Ada` becomes `{"data":{"merges":{"FNAME":"Ada"}}}`, every value a text. `undefined` for a
 * form that says one thing twice, is nested too deep, or has too many fields.
 */
export function formJson(form: string): Buffer | undefined {
  const fields = [...new URLSearchParams(form)];
  if (fields.length > limits.webhookFormMaxFields) return undefined;
  const root = node();
  for (const [name, value] of fields) {
    const path = pathOf(name);
    const last = path.pop();
    if (last === undefined || path.length >= limits.webhookFormMaxDepth) return undefined;
    let at = root;
    for (const part of path) {
      const next = (at[part] ??= node());
      if (typeof next === 'string') return undefined;
      at = next;
    }
    if (last in at) return undefined;
    at[last] = value;
  }
  return Buffer.from(JSON.stringify(root));
}

function node(): FormNode {
  return Object.create(null) as FormNode;
}

/** `a[b][c]` in parts; a name in another form is one part. */
function pathOf(name: string): string[] {
  const [, first, rest = ''] = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(name) ?? [];
  if (first === undefined) return [name];
  return [first, ...[...rest.matchAll(/\[([^[\]]*)\]/g)].map(([, part = '']) => part)];
}
