import type { Kysely, Transaction } from 'kysely';
import {
  noticeOf,
  sinksFor,
  type Alarm,
  type AlarmBook,
  type AlarmKind,
  type AlarmNotice,
  type AlarmRoute,
} from '../core/alarms.js';
import { eventOfNotice } from '../core/hooks.js';
import { limits } from '../core/limits.js';
import { offerEvent } from './hook-store.js';
import { oneAtATime } from './one-at-a-time.js';
import type { AlarmRow, OpsTables } from './tables.js';

/** Where the notices of a process go. */
export interface AlarmDelivery {
  readonly sinks: readonly string[];
  readonly routes: readonly AlarmRoute[];
  /** Called when notices wait. */
  onNotice?(): void;
}

/** A notice on its way to one sink. */
export interface WaitingNotice {
  readonly notice: AlarmNotice;
  readonly sink: string;
  readonly attempts: number;
  readonly createdAt: string;
}

/** Alarms and their notices in the operations store. */
export interface AlarmStore {
  /** Open alarms, oldest first. */
  listOpen(): Promise<Alarm[]>;
  /** A book whose notices go to these sinks: each waits in the store until its sink has taken it. */
  book(delivery: AlarmDelivery): AlarmBook;
  /** Notices for a sink, in the order of their making; those that wait for a later try come too. */
  waiting(sink: string, limit: number): Promise<(WaitingNotice & { readonly isDue: boolean })[]>;
  /** The notice was sent, or is given up: it waits no more. */
  settle(noticeId: string, sink: string): Promise<void>;
  /** The notice could not be sent; it waits until `nextAt`. */
  postpone(noticeId: string, sink: string, nextAt: string): Promise<void>;
  /** Removes alarms that were over before this time, and notices of before it. */
  deleteBefore(at: string): Promise<void>;
}

type Db = Kysely<OpsTables>;

export function createAlarmStore(db: Db): AlarmStore {
  return {
    async listOpen() {
      const rows = await db
        .selectFrom('alarms')
        .selectAll()
        .where('open_key', 'is not', null)
        .orderBy('raised_at')
        .execute();
      return rows.map(toAlarm);
    },

    book: (delivery) => createBook(db, delivery),

    async waiting(sink, limit) {
      const rows = await db
        .selectFrom('alarm_notices')
        .selectAll()
        .where('sink', '=', sink)
        .orderBy('created_at')
        .orderBy('notice_id')
        .limit(limit)
        .execute();
      const now = new Date().toISOString();
      return rows.map((row) => ({
        notice: JSON.parse(row.notice) as AlarmNotice,
        sink,
        attempts: row.attempts,
        createdAt: row.created_at,
        isDue: row.next_at <= now,
      }));
    },

    async settle(noticeId, sink) {
      await db
        .deleteFrom('alarm_notices')
        .where('notice_id', '=', noticeId)
        .where('sink', '=', sink)
        .execute();
    },

    async postpone(noticeId, sink, nextAt) {
      await db
        .updateTable('alarm_notices')
        .set(({ eb }) => ({ attempts: eb('attempts', '+', 1), next_at: nextAt }))
        .where('notice_id', '=', noticeId)
        .where('sink', '=', sink)
        .execute();
    },

    async deleteBefore(at) {
      await db.deleteFrom('alarms').where('recovered_at', '<', at).execute();
      await db.deleteFrom('alarm_notices').where('created_at', '<', at).execute();
    },
  };
}

function createBook(db: Db, { sinks, routes, onNotice }: AlarmDelivery): AlarmBook {
  const enqueue = async (target: Db | Transaction<OpsTables>, notice: AlarmNotice): Promise<void> => {
    await offerEvent(target, eventOfNotice(notice));
    const names = sinksFor(notice, sinks, routes);
    if (names.length === 0) return;
    const createdAt = new Date().toISOString();
    await target
      .insertInto('alarm_notices')
      .values(
        names.map((sink) => ({
          notice_id: notice.id,
          sink,
          notice: JSON.stringify(notice),
          attempts: 0,
          created_at: createdAt,
          next_at: createdAt,
        })),
      )
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  };

  return {
    async raise({ dagId, kind, subject, at, occurrence, message }) {
      const openKey = keyOf(dagId, kind, subject);
      const id = `${openKey}/${at}`;
      const isNew = await oneAtATime(db, async (transaction) => {
        // The repeat of one that is over already.
        const over = await transaction
          .selectFrom('alarms')
          .select('id')
          .where('id', '=', id)
          .where('open_key', 'is', null)
          .executeTakeFirst();
        if (over !== undefined) return false;
        const row = await transaction
          .insertInto('alarms')
          .values({
            id,
            open_key: openKey,
            dag_id: dagId,
            kind,
            subject: subject ?? null,
            raised_at: at,
            recovered_at: null,
            count: 1,
            last_at: at,
            last_occurrence: occurrence,
            message,
          })
          .onConflict((conflict) =>
            conflict
              .column('open_key')
              .doUpdateSet(({ eb, ref }) => ({
                count: eb('alarms.count', '+', 1),
                last_at: ref('excluded.last_at'),
                last_occurrence: ref('excluded.last_occurrence'),
                message: ref('excluded.message'),
              }))
              .whereRef('alarms.last_occurrence', '<>', 'excluded.last_occurrence'),
          )
          .returningAll()
          .executeTakeFirst();
        if (row?.count !== 1) return false;
        await enqueue(transaction, noticeOf(toAlarm(row), 'raised', at));
        return true;
      });
      if (isNew) onNotice?.();
    },

    async recover({ dagId, kind, subject, at }) {
      const isOver = await oneAtATime(db, async (transaction) => {
        const row = await transaction
          .updateTable('alarms')
          .set({ open_key: null, recovered_at: at })
          .where('open_key', '=', keyOf(dagId, kind, subject))
          .where('last_at', '<', at)
          .returningAll()
          .executeTakeFirst();
        if (row === undefined) return false;
        await enqueue(transaction, noticeOf(toAlarm(row), 'recovered', at));
        return true;
      });
      if (isOver) onNotice?.();
    },

    async forward(notice) {
      await enqueue(db, notice);
      onNotice?.();
    },
  };
}

function keyOf(dagId: string, kind: AlarmKind, subject: string | undefined): string {
  return [dagId, kind, ...(subject === undefined ? [] : [subject])].join('/');
}

function toAlarm(row: AlarmRow): Alarm {
  return {
    id: row.id,
    dagId: row.dag_id,
    kind: row.kind as AlarmKind,
    ...(row.subject === null ? {} : { subject: row.subject }),
    raisedAt: row.raised_at,
    count: row.count,
    lastAt: row.last_at,
    message: row.message.slice(0, limits.alarmTextMaxLength),
  };
}
