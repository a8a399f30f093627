import { writeFileSync } from 'node:fs';
import { generatedPages } from './docs/pages.js';

for (const [path, text] of Object.entries(await generatedPages())) {
  writeFileSync(new URL(`../${path}`, import.meta.url), text);
  console.log(`wrote ${path}`);
}
