/**
 * The second half of the build, after the compiler: bundles the workflows into one file, so that a worker starts without
 * a bundler, copies the record schemas, and makes the script for pages small. Does nothing where its inputs have not
 * changed.
 */
import { transformSync } from '@swc/core';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const dist = join(root, 'dist');
const { version } = createRequire(import.meta.url)('@temporalio/worker/package.json');

rmSync(join(dist, 'schemas', 'records'), { recursive: true, force: true });
mkdirSync(join(dist, 'schemas'), { recursive: true });
cpSync(join(root, 'schemas', 'records'), join(dist, 'schemas', 'records'), { recursive: true });
chmodSync(join(dist, 'client.js'), 0o755);

const site = transformSync(readFileSync(join(root, 'serve', 'site', 'snippet.ts'), 'utf8'), {
  jsc: {
    parser: { syntax: 'typescript' },
    target: 'es2020',
    minify: { compress: { passes: 2, unsafe_arrows: true }, mangle: true },
  },
  minify: true,
  isModule: false,
});
mkdirSync(join(dist, 'serve', 'site'), { recursive: true });
writeFileSync(join(dist, 'serve', 'site', 'site.js'), site.code);

const hash = createHash('sha256')
  .update(version)
  .update(readFileSync(fileURLToPath(import.meta.url)));
for (const folder of ['core', 'workflows']) {
  for (const name of readdirSync(join(dist, folder), { recursive: true, encoding: 'utf8' }).sort()) {
    if (name.endsWith('.js'))
      hash.update(`${folder}/${name}\n`).update(readFileSync(join(dist, folder, name)));
  }
}
const inputs = hash.digest('hex');
const bundlePath = join(dist, 'workflow-bundle.js');
const stampPath = join(dist, 'workflow-bundle.inputs');
const isCurrent =
  existsSync(bundlePath) && existsSync(stampPath) && readFileSync(stampPath, 'utf8') === inputs;
if (!isCurrent) {
  const { bundleWorkflowCode, DefaultLogger } = await import('@temporalio/worker');
  const workflowsPath = join(dist, 'workflows', 'index.js');
  const { code } = await bundleWorkflowCode({
    workflowsPath,
    // Read once for each worker instead of once for each run: no module in there keeps anything of a run.
    preloadModules: [workflowsPath],
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(
    bundlePath,
    code.replace(/(?<=^\/\/# sourceMappingURL=data:[^,]*base64,).*$/m, withoutFolders),
  );
  writeFileSync(stampPath, inputs);
}

/** The source map, which the worker needs, with paths from the package's root: those of the machine that builds help nobody. */
function withoutFolders(base64) {
  const map = JSON.parse(Buffer.from(base64, 'base64').toString('utf8'));
  delete map.sourcesContent;
  map.sources = map.sources.map((source) => source.split(root).at(-1));
  delete map.sourceRoot;
  return Buffer.from(JSON.stringify(map)).toString('base64');
}
