import tseslint from 'typescript-eslint';

const noDefaultExport = {
  selector: 'ExportDefaultDeclaration',
  message: 'Export by name. Only DAG files have a default export.',
};
const noEnum = { selector: 'TSEnumDeclaration', message: 'Use a const object or a union of literals.' };

export default tseslint.config(
  { ignores: ['dist', 'coverage', 'node_modules', '**/.millrace', 'tests/replay/histories'] },
  {
    files: ['**/*.{ts,mjs}'],
    linterOptions: { noInlineConfig: true, reportUnusedDisableDirectives: 'error' },
    rules: {
      'max-lines': ['error', { max: 400 }],
      'max-depth': ['error', 4],
      complexity: ['error', { max: 20, variant: 'modified' }],
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-console': 'error',
      'no-eval': 'error',
      'no-implied-eval': 'error',
    },
  },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked],
    languageOptions: {
      parserOptions: {
        project: ['./tsconfig.json', './serve/site/tsconfig.json'],
        tsconfigRootDir: import.meta.dirname,
      },
    },
    rules: {
      'no-restricted-syntax': ['error', noDefaultExport, noEnum],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/consistent-type-exports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      // Most values here are JSON: their text is asked for where their type is known from the query or the schema.
      '@typescript-eslint/no-base-to-string': 'off',
      // The library calls it so that it stands out; Millrace sends http to this machine only (connectors/oauth/settings.ts).
      '@typescript-eslint/no-deprecated': [
        'error',
        { allow: [{ from: 'package', name: 'allowInsecureRequests', package: 'oauth4webapi' }] },
      ],
      // "No inputs" is an empty object.
      '@typescript-eslint/no-generated-empty-object-type': 'off',
      // A bracketed key is the way that the compiler asks for with index signatures.
      '@typescript-eslint/dot-notation': 'off',
      // Numbers in texts are safe; everything else must be made text on purpose.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      '@typescript-eslint/no-confusing-void-expression': 'off',
      // Parts are made of closures: their methods do not use "this" and may be taken apart.
      '@typescript-eslint/unbound-method': 'off',
      // A function of a DAG may return something or nothing.
      '@typescript-eslint/no-invalid-void-type': 'off',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      // An async method may fulfil an interface without waiting for anything itself.
      '@typescript-eslint/require-await': 'off',
    },
  },
  {
    files: ['workflows/**/*.ts'],
    rules: {
      // Signals change the state of a workflow while it waits, which the type checker does not see.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      'no-restricted-globals': [
        'error',
        ...['process', 'fetch', 'setImmediate', 'Buffer'].map((name) => ({
          name,
          message: 'Workflows decide; whatever touches the world is an activity.',
        })),
      ],
    },
  },
  // Twelve trigger rules, one case each: a table reads better than its parts.
  { files: ['core/run/trigger-rule.ts'], rules: { complexity: 'off' } },
  { files: ['dags/**/*.ts', 'tests/**/dags/**/*.ts'], rules: { 'no-restricted-syntax': ['error', noEnum] } },
  { files: ['scripts/**', 'bench/**', 'demo/**'], rules: { 'no-console': 'off' } },
  {
    files: ['tests/**/*.ts'],
    rules: {
      'max-lines': ['error', { max: 400, skipBlankLines: true }],
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Tests look into parsed JSON and rows whose shape they assert.
      '@typescript-eslint/no-base-to-string': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
);
