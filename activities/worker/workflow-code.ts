import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The bundle that the package was built with; from source (tests), the workflows themselves, bundled on the spot. */
export function workflowCode(): { workflowBundle: { codePath: string } } | { workflowsPath: string } {
  const bundle = fileURLToPath(new URL('../../workflow-bundle.js', import.meta.url));
  if (existsSync(bundle)) return { workflowBundle: { codePath: bundle } };
  return { workflowsPath: fileURLToPath(new URL('../../workflows/index.ts', import.meta.url)) };
}
