/** Draws a frame of the terminal view, as it was printed, as SVG: `node dist/demo/main.js --once | node scripts/write-picture.mjs > docs/images/demo.svg`. */
import { readFileSync } from 'node:fs';

const cellWidth = 8.4;
const lineHeight = 19;
const margin = 20;
const colours = { 32: '#7ee787', 33: '#e3b341', 2: '#8b949e' };
const lines = readFileSync(0, 'utf8').trimEnd().split('\n');
const escapeXml = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

function spans(line) {
  let style = '';
  return line
    .split(/(\u001b\[\d+m)/)
    .map((part) => {
      const code = /^\u001b\[(\d+)m$/.exec(part)?.[1];
      if (code === undefined) return part === '' ? '' : `<tspan${style}>${escapeXml(part)}</tspan>`;
      style =
        code === '0' ? '' : code === '1' ? ' font-weight="bold"' : ` fill="${colours[code] ?? '#e6edf3'}"`;
      return '';
    })
    .join('');
}

const plain = lines.map((line) => line.replace(/\u001b\[\d+m/g, ''));
const width = Math.ceil(Math.max(...plain.map((line) => line.length)) * cellWidth + 2 * margin);
const height = lines.length * lineHeight + 2 * margin;
process.stdout
  .write(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="The demo in a terminal">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, monospace" font-size="14" fill="#e6edf3" xml:space="preserve">
${lines.map((line, index) => `<text x="${margin}" y="${margin + lineHeight * (index + 0.75)}">${spans(line)}</text>`).join('\n')}
</g>
</svg>
`);
