import {
  GraphQLError,
  Kind,
  OperationTypeNode,
  parse,
  type DocumentNode,
  type FragmentDefinitionNode,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';

/** What a query is to hold, besides being one. */
export interface QueryNeeds {
  readonly operationName?: string;
  /** Names of the variables that are sent, those of the paginator and of the bounds among them. */
  readonly variables: readonly string[];
  /** Paths below `data` that the answer is to have; of a list that is named `edges`, `node` lies below it. */
  readonly paths: readonly (readonly string[])[];
}

/** What is wrong with the text of a query, a sentence each; an empty list where nothing is. Knows no schema. */
export function queryProblems(query: string, needs: QueryNeeds): string[] {
  let document: DocumentNode;
  try {
    document = parse(query);
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error;
    const [place] = error.locations ?? [];
    const at = place === undefined ? '' : ` (line ${String(place.line)}, column ${String(place.column)})`;
    return [`${error.message}${at}`];
  }
  const operation = operationOf(document, needs.operationName);
  if (typeof operation === 'string') return [operation];
  const problems: string[] = [];
  if (operation.operation !== OperationTypeNode.QUERY)
    problems.push(`it holds a ${operation.operation}, and a source only reads`);
  const declared = operation.variableDefinitions ?? [];
  const names = declared.map(({ variable }) => variable.name.value);
  for (const name of new Set(needs.variables))
    if (!names.includes(name)) problems.push(`it declares no variable "$${name}"`);
  for (const { variable, type, defaultValue } of declared) {
    const name = variable.name.value;
    const isNeeded = type.kind === Kind.NON_NULL_TYPE && defaultValue === undefined;
    if (isNeeded && !needs.variables.includes(name)) problems.push(`its variable "$${name}" gets no value`);
  }
  for (const path of needs.paths)
    if (!selects(document, operation.selectionSet, path))
      problems.push(`it does not ask for "${path.join('.')}"`);
  return problems;
}

function operationOf(document: DocumentNode, name: string | undefined): OperationDefinitionNode | string {
  const operations = document.definitions.filter(
    (definition) => definition.kind === Kind.OPERATION_DEFINITION,
  );
  const [only, other] =
    name === undefined ? operations : operations.filter((operation) => operation.name?.value === name);
  if (only === undefined)
    return name === undefined ? 'it holds no operation' : `it holds no operation "${name}"`;
  return other === undefined ? only : 'it holds several operations: say which with "operationName"';
}

/** Whether a selection asks for a path of response names, through fragments too. */
function selects(document: DocumentNode, { selections }: SelectionSetNode, path: readonly string[]): boolean {
  const [name, ...rest] = path;
  return selections.some((selection) => {
    if (selection.kind === Kind.FIELD) {
      if ((selection.alias ?? selection.name).value !== name) return false;
      if (rest.length === 0) return true;
      return selection.selectionSet !== undefined && selects(document, selection.selectionSet, rest);
    }
    if (selection.kind === Kind.INLINE_FRAGMENT) return selects(document, selection.selectionSet, path);
    const isSpread = (definition: { readonly kind: Kind }): definition is FragmentDefinitionNode =>
      definition.kind === Kind.FRAGMENT_DEFINITION &&
      (definition as FragmentDefinitionNode).name.value === selection.name.value;
    const fragment = document.definitions.find(isSpread);
    // A fragment that spreads itself is no valid query, and must not be followed for ever.
    const others = { ...document, definitions: document.definitions.filter((other) => other !== fragment) };
    return fragment !== undefined && selects(others, fragment.selectionSet, path);
  });
}
