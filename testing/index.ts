export { seededRandom, type SeededRandom } from './seeded-random.js';
export type { ShopFault } from './shop-faults.js';
export type { ShopCustomer, ShopLineItem, ShopOrder } from './shop-orders.js';
export { createShopServer, type ShopServer, type ShopServerOptions } from './shop-server.js';
