/** Text inside a Mermaid label, which writes special characters as entities (https://mermaid.js.org/syntax/flowchart.html). */
export function mermaidText(text: string): string {
  return text
    .replaceAll('#', '#35;')
    .replaceAll('"', '#quot;')
    .replaceAll('<', '#lt;')
    .replaceAll('>', '#gt;');
}
