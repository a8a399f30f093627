import { createShopServer, type ShopServer } from '../testing/index.js';
import { readDemoState, writeDemoState, type DemoState } from './demo-state.js';
import { sendTraffic, type TrafficTruth } from './site-traffic.js';

const seed = 7;
const eventCount = 2_000;
const shopStepEveryMs = 2_000;

/** The outside of the demo: a shop whose orders change, and visitors whose events arrive. */
export interface World {
  readonly shop: ShopServer;
  readonly shopProgress: () => string;
  /** Events delivered so far, repeats included. */
  readonly sent: () => number;
  /** Moves the shop through its script; resolves when it is done. */
  runShop(): Promise<void>;
  /** Sends the events of the visitors, unless an earlier start has. */
  runTraffic(target: {
    readonly gatewayUrl: string;
    readonly writeKey: string;
    readonly webhookSecret: string;
  }): Promise<TrafficTruth>;
  close(): Promise<void>;
}

/** Starts the shop where an earlier start left it. */
export async function createWorld(dataDirectory: string): Promise<World> {
  let state: DemoState = readDemoState(dataDirectory);
  const shop = await createShopServer({ seed, faults: true });
  for (let step = 0; step < state.shopSteps; step += 1) shop.advance();
  const save = (change: Partial<DemoState>) => {
    state = { ...state, ...change };
    writeDemoState(dataDirectory, state);
  };
  let sent = state.traffic?.deliveries ?? 0;
  let isClosed = false;
  return {
    shop,
    shopProgress: () =>
      `${String(state.shopSteps)} steps, ${String(shop.truth().length)} orders, ${String(shop.deletedIds().length)} deleted`,
    sent: () => sent,
    async runShop() {
      while (!shop.isDone() && !isClosed) {
        shop.advance();
        save({ shopSteps: state.shopSteps + 1 });
        if (!shop.isDone()) await new Promise((resolve) => setTimeout(resolve, shopStepEveryMs));
      }
    },
    async runTraffic(target) {
      if (state.traffic !== undefined) return state.traffic;
      const traffic = await sendTraffic({
        ...target,
        events: eventCount,
        seed,
        onProgress: (count) => {
          sent = count;
        },
      });
      save({ traffic });
      return traffic;
    },
    close() {
      isClosed = true;
      return shop.close();
    },
  };
}
