declare const result: unique symbol;

/**
 * What a task hands on, as the author's file sees it: the name of an upstream task, typed by what that task returns.
 * `Edge<Rows>` carries rows, `Edge<Manifest>` what a load committed, any other what a function returned.
 */
export interface Edge<Result> {
  readonly taskId: string;
  readonly [result]?: Result;
}

/** A group, for edges to and from all of it. */
export interface GroupEdge {
  readonly groupId: string;
}

/** What a task can come after. */
export type After = Edge<unknown> | GroupEdge;

/** Rows on their way to a table. */
export interface Rows {
  readonly rows: true;
}
