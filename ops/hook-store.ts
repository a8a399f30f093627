import { createHash, randomBytes } from 'node:crypto';
import type { Kysely, Transaction } from 'kysely';
import { PipelineError } from '../core/errors/index.js';
import type { Hook, HookEvent, HookEventType } from '../core/hooks.js';
import { limits } from '../core/limits.js';
import type { Keyring } from '../security/keyring.js';
import { oneAtATime } from './one-at-a-time.js';
import type { HookRow, OpsTables } from './tables.js';

/** Where a hook is told, and what signs it. Secrets both. */
export interface HookTarget {
  readonly url: string;
  /** `whsec_` and base64, as Standard Webhooks writes keys. */
  readonly secret: string;
}

/** An event on its way to a hook. */
export interface WaitingEvent {
  readonly eventId: string;
  readonly dagId: string;
  /** The text that is sent, the same with each try. */
  readonly body: string;
  readonly attempts: number;
}

/** A hook whose turn it is. */
export interface DueHook {
  readonly id: string;
  readonly caller: string;
  readonly failures: number;
}

/** Hooks and the events that wait for them, in the operations store. */
export interface HookStore {
  /**
   * Adds a hook; asked for again by the same caller, it is the same one.
   *
   * @throws PipelineError HOOK_LIMIT, SECRET_KEYS_MISSING, SECRET_UNREADABLE
   */
  add(hook: {
    readonly caller: string;
    readonly event: HookEventType;
    readonly dagId?: string;
    readonly url: URL;
  }): Promise<{ readonly id: string; readonly secret: string; readonly isNew: boolean }>;
  /** Oldest first; those of one caller, or all. */
  list(caller?: string): Promise<Hook[]>;
  /** Removes a hook and what waits for it. False where the caller has none of this id. */
  remove(id: string, caller?: string): Promise<boolean>;
  /** Lets events wait for the hooks that want them; a repeat adds nothing while the first one waits. */
  offer(events: readonly HookEvent[]): Promise<void>;
  /** Hooks for which an event is due, those first that waited longest. */
  due(limit: number): Promise<DueHook[]>;
  /** Events that are due for a hook, oldest first. */
  waiting(hookId: string, limit: number): Promise<WaitingEvent[]>;
  /** Undefined where the hook is gone. @throws PipelineError SECRET_KEYS_MISSING, SECRET_UNREADABLE */
  target(hookId: string): Promise<HookTarget | undefined>;
  /** The event waits no more; `isTold`: the hook took it, and its failures are over. */
  settle(hookId: string, eventId: string, isTold: boolean): Promise<void>;
  /** The event could not be sent: it waits until `eventAt`, and the hook until `hookAt`. */
  postpone(
    hookId: string,
    eventId: string,
    wait: { readonly eventAt: string; readonly hookAt: string; readonly problem: string },
  ): Promise<void>;
  /** Gives up what has waited since before this time; returns how many events. */
  giveUpBefore(at: string): Promise<number>;
}

type Db = Kysely<OpsTables> | Transaction<OpsTables>;

/** Place of a hook's target for its encryption; names of connections have no colon. */
export function hookPlace(id: string) {
  return { connection: `hook:${id}`, path: 'target' };
}

export function createHookStore(db: Kysely<OpsTables>, keyring: Keyring): HookStore {
  const open = ({ id, sealed }: Pick<HookRow, 'id' | 'sealed'>) =>
    JSON.parse(keyring.open(sealed, hookPlace(id))) as HookTarget;
  return {
    add: ({ caller, event, dagId, url }) =>
      oneAtATime(db, async (transaction) => {
        const own = await transaction.selectFrom('hooks').selectAll().where('caller', '=', caller).execute();
        for (const row of own) {
          if (row.event !== event || row.dag_id !== (dagId ?? null)) continue;
          const target = open(row);
          if (target.url === url.href) return { id: row.id, secret: target.secret, isNew: false };
        }
        if (own.length >= limits.hooksMaxPerCaller)
          throw new PipelineError('HOOK_LIMIT', { caller, allowed: limits.hooksMaxPerCaller });
        const id = `hook_${randomBytes(12).toString('hex')}`;
        const secret = `whsec_${randomBytes(32).toString('base64')}`;
        const now = new Date().toISOString();
        await transaction
          .insertInto('hooks')
          .values({
            id,
            caller,
            event,
            dag_id: dagId ?? null,
            target_origin: url.origin,
            sealed: keyring.seal(
              JSON.stringify({ url: url.href, secret } satisfies HookTarget),
              hookPlace(id),
            ),
            created_at: now,
            failures: 0,
            next_at: now,
            last_problem: null,
          })
          .execute();
        return { id, secret, isNew: true };
      }),

    async list(caller) {
      let query = db
        .selectFrom('hooks')
        .selectAll()
        .select(({ selectFrom, fn }) =>
          selectFrom('hook_deliveries')
            .select(fn.countAll().as('count'))
            .whereRef('hook_deliveries.hook_id', '=', 'hooks.id')
            .as('waiting'),
        );
      if (caller !== undefined) query = query.where('caller', '=', caller);
      const rows = await query.orderBy('created_at').orderBy('id').execute();
      return rows.map((row) => ({
        id: row.id,
        caller: row.caller,
        event: row.event as HookEventType,
        ...(row.dag_id !== null && { dagId: row.dag_id }),
        targetOrigin: row.target_origin,
        createdAt: row.created_at,
        waiting: Number(row.waiting),
        failures: row.failures,
        ...(row.last_problem !== null && { lastProblem: row.last_problem }),
      }));
    },

    remove: (id, caller) =>
      db.transaction().execute(async (transaction) => {
        let removal = transaction.deleteFrom('hooks').where('id', '=', id);
        if (caller !== undefined) removal = removal.where('caller', '=', caller);
        if ((await removal.returning('id').executeTakeFirst()) === undefined) return false;
        await transaction.deleteFrom('hook_deliveries').where('hook_id', '=', id).execute();
        return true;
      }),

    async offer(events) {
      for (const event of events) await offerEvent(db, event);
    },

    async due(limit) {
      const now = new Date().toISOString();
      return db
        .selectFrom('hooks')
        .select(['id', 'caller', 'failures'])
        .where('next_at', '<=', now)
        .where(({ exists, selectFrom }) =>
          exists(
            selectFrom('hook_deliveries')
              .select('event_id')
              .whereRef('hook_deliveries.hook_id', '=', 'hooks.id')
              .where('hook_deliveries.next_at', '<=', now),
          ),
        )
        .orderBy('next_at')
        .orderBy('id')
        .limit(limit)
        .execute();
    },

    async waiting(hookId, limit) {
      const rows = await db
        .selectFrom('hook_deliveries')
        .selectAll()
        .where('hook_id', '=', hookId)
        .where('next_at', '<=', new Date().toISOString())
        .orderBy('created_at')
        .orderBy('event_id')
        .limit(limit)
        .execute();
      return rows.map(({ event_id, dag_id, body, attempts }) => ({
        eventId: event_id,
        dagId: dag_id,
        body,
        attempts,
      }));
    },

    async target(hookId) {
      const row = await db
        .selectFrom('hooks')
        .select(['id', 'sealed'])
        .where('id', '=', hookId)
        .executeTakeFirst();
      return row === undefined ? undefined : open(row);
    },

    settle: (hookId, eventId, isTold) =>
      db.transaction().execute(async (transaction) => {
        await transaction
          .deleteFrom('hook_deliveries')
          .where('hook_id', '=', hookId)
          .where('event_id', '=', eventId)
          .execute();
        if (!isTold) return;
        await transaction
          .updateTable('hooks')
          .set({ failures: 0, last_problem: null, next_at: new Date().toISOString() })
          .where('id', '=', hookId)
          .execute();
      }),

    postpone: (hookId, eventId, { eventAt, hookAt, problem }) =>
      db.transaction().execute(async (transaction) => {
        await transaction
          .updateTable('hook_deliveries')
          .set(({ eb }) => ({ attempts: eb('attempts', '+', 1), next_at: eventAt }))
          .where('hook_id', '=', hookId)
          .where('event_id', '=', eventId)
          .execute();
        await transaction
          .updateTable('hooks')
          .set(({ eb }) => ({ failures: eb('failures', '+', 1), next_at: hookAt, last_problem: problem }))
          .where('id', '=', hookId)
          .execute();
      }),

    async giveUpBefore(at) {
      const rows = await db
        .deleteFrom('hook_deliveries')
        .where('created_at', '<', at)
        .returning('event_id')
        .execute();
      return rows.length;
    },
  };
}

/** Lets one event wait for each hook that wants it; part of a transaction where that is given. */
export async function offerEvent(db: Db, event: HookEvent): Promise<void> {
  const { id, text } = hookBody(event);
  const now = new Date().toISOString();
  await db
    .insertInto('hook_deliveries')
    .columns(['event_id', 'hook_id', 'dag_id', 'body', 'attempts', 'created_at', 'next_at'])
    .expression(({ selectFrom }) =>
      selectFrom('hooks')
        .select(({ val, lit }) => [
          val(id).as('event_id'),
          'hooks.id as hook_id',
          val(event.dagId).as('dag_id'),
          val(text).as('body'),
          lit(0).as('attempts'),
          val(now).as('created_at'),
          val(now).as('next_at'),
        ])
        .where('hooks.event', '=', event.type)
        .where(({ or, eb }) => or([eb('hooks.dag_id', 'is', null), eb('hooks.dag_id', '=', event.dagId)])),
    )
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** The text that a hook is sent, and the event's id in it: the same for the same event, whenever it is told. */
export function hookBody({ type, key, at, data }: HookEvent): { readonly id: string; readonly text: string } {
  const id = `evt_${createHash('sha256').update(`${type}\n${key}`).digest('hex').slice(0, 32)}`;
  return { id, text: JSON.stringify({ id, type, timestamp: at, data }) };
}
