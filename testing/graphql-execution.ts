import {
  execute,
  GraphQLScalarType,
  Kind,
  parse,
  validate,
  type DocumentNode,
  type GraphQLSchema,
  type SelectionSetNode,
} from 'graphql';

/** The body of a GraphQL request. */
export interface GraphqlBody {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
}

/** The body of an answer: data, errors, extensions. */
export type GraphqlResult = Readonly<Record<string, unknown>>;

/** A bucket of points that queries are paid from: its size, and how many come back in a second. */
export interface CostBudget {
  readonly maximumAvailable: number;
  readonly restoreRate: number;
}

/** Executes a query by a schema whose resolvers are in `rootValue`: errors of syntax and of validation are answers. */
export async function executeGraphql(
  schema: GraphQLSchema,
  rootValue: object,
  { query, variables, operationName }: GraphqlBody,
): Promise<GraphqlResult> {
  let document: DocumentNode;
  try {
    document = parse(query);
  } catch (error) {
    return { errors: [error] };
  }
  const errors = validate(schema, document);
  if (errors.length > 0)
    return {
      errors: errors.map((error) => ({
        ...error.toJSON(),
        extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
      })),
    };
  return { ...(await execute({ schema, document, rootValue, variableValues: variables, operationName })) };
}

/** A scalar whose values pass through as they are, for numbers that a double cannot hold. */
export function exactScalar(name: string): GraphQLScalarType {
  return new GraphQLScalarType({ name, serialize: (value) => value });
}

/** Takes the cost of each query from a bucket, and tells what is left. */
export function createCostMeter(budget: CostBudget) {
  let available = budget.maximumAvailable;
  let atMs = performance.now();
  return (body: GraphqlBody) => {
    const nowMs = performance.now();
    available = Math.min(budget.maximumAvailable, available + ((nowMs - atMs) / 1000) * budget.restoreRate);
    atMs = nowMs;
    const requestedQueryCost = costOf(body);
    const isThrottled = requestedQueryCost > available;
    if (!isThrottled) available -= requestedQueryCost;
    const cost = {
      requestedQueryCost,
      actualQueryCost: isThrottled ? null : requestedQueryCost,
      throttleStatus: { ...budget, currentlyAvailable: Math.floor(available) },
    };
    return { isThrottled, cost };
  };
}

/** The answer to a query that the budget cannot pay. */
export function throttledAnswer(cost: object | undefined): GraphqlResult {
  return {
    errors: [{ message: 'Throttled', extensions: { code: 'THROTTLED' } }],
    ...(cost !== undefined && { extensions: { cost } }),
  };
}

/** One point for each object that may come; a connection multiplies those below it by its `first`. */
function costOf({ query, variables = {} }: GraphqlBody): number {
  const weigh = ({ selections }: SelectionSetNode): number => {
    let sum = 0;
    for (const selection of selections) {
      if (selection.kind === Kind.FRAGMENT_SPREAD || selection.selectionSet === undefined) continue;
      const first =
        selection.kind === Kind.FIELD
          ? selection.arguments?.find(({ name }) => name.value === 'first')?.value
          : undefined;
      const count =
        first?.kind === Kind.VARIABLE
          ? variables[first.name.value]
          : first?.kind === Kind.INT
            ? first.value
            : 1;
      sum += 1 + Number(count ?? 1) * (weigh(selection.selectionSet) || 0);
    }
    return sum;
  };
  try {
    const [definition] = parse(query).definitions;
    return definition?.kind === Kind.OPERATION_DEFINITION ? weigh(definition.selectionSet) : 1;
  } catch {
    return 1;
  }
}
