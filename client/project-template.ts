/** Files of a new project, by path. */
export const projectTemplate: Readonly<Record<string, string>> = {
  'dags/hello.ts': `import { defineDag } from 'millrace';

export default defineDag({
  id: 'hello',
  description: 'Two rows every ten seconds, from a function to a table.',
  owner: 'you',
  schedule: { every: '10s' },
  tasks: ({ extract, validate, load }) => {
    const raw = extract('read', {
      from: async function* ({ interval }) {
        const at = interval?.start ?? new Date().toISOString();
        yield { id: \`\${at}/1\`, greeting: 'hello', at };
        yield { id: \`\${at}/2\`, greeting: 'world', at };
      },
    });
    const clean = validate('check', raw, { schema: 'greeting.v1' });
    load('store', clean, { into: 'greetings', key: ['id'], version: ['at'], disposition: 'merge' });
  },
});
`,
  'schemas/greeting.v1.schema.json': `{
  "$id": "greeting.v1",
  "type": "object",
  "required": ["id", "greeting", "at"],
  "properties": {
    "id": { "type": "string", "minLength": 1, "x-pii": "none", "x-purpose": "example" },
    "greeting": { "type": "string", "x-pii": "none", "x-purpose": "example" },
    "at": { "type": "string", "format": "date-time", "x-pii": "none", "x-purpose": "example" }
  }
}
`,
  'millrace.json': `{
  "warehouse": { "type": "duckdb" }
}
`,
  'package.json': `{
  "private": true,
  "type": "module"
}
`,
  '.gitignore': `node_modules/
.millrace/
`,
};
