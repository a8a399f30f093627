import { nestedConnection, type ConnectionArguments, type ConnectionRules } from './shop-connections.js';
import type { ShopProduct, ShopVariant } from './shop-catalogue.js';
import type { ShopBuyer, ShopLineItem, ShopOrder, ShopRefund } from './shop-orders.js';
import type { ShopDeletion, ShopState } from './shop-state.js';

/** Objects of the fixture shop as its GraphQL API resolves them: global ids, UTC, amounts without needless zeros. */
export function shopNodes(state: ShopState, rules: ConnectionRules) {
  const order = (order: ShopOrder) => ({
    ...ids('Order', order.id),
    name: order.name,
    email: order.email,
    createdAt: utc(Date.parse(order.created_at)),
    updatedAt: utc(Date.parse(order.updated_at)),
    cancelledAt: order.cancelled_at === null ? null : utc(Date.parse(order.cancelled_at)),
    currencyCode: order.currency,
    totalPriceSet: bag(order.total_price, order.currency),
    totalTaxSet: bag(order.total_tax, order.currency),
    displayFinancialStatus: order.financial_status.toUpperCase(),
    displayFulfillmentStatus: (order.fulfillment_status ?? 'unfulfilled').toUpperCase(),
    note: order.note,
    test: order.test,
    customer:
      order.customer === null
        ? null
        : customer({ ...(state.customers.get(order.customer.id) as ShopBuyer), ...order.customer }),
    lineItems: (asked: ConnectionArguments) =>
      nestedConnection(
        order.line_items.map((item) => lineItem(item, order.currency)),
        asked,
        rules,
      ),
    refunds: () => (state.refunds.get(order.id) ?? []).map((one) => refund(one, order.currency)),
  });
  const refund = ({ id, atMs, amount, lines }: ShopRefund, currency: string) => ({
    ...ids('Refund', id),
    createdAt: utc(atMs),
    updatedAt: utc(atMs),
    note: null,
    totalRefundedSet: bag(amount, currency),
    refundLineItems: (asked: ConnectionArguments) =>
      nestedConnection(
        lines.map((line) => ({
          id: `gid://shopify/RefundLineItem/${String(line.id + 7n)}`,
          quantity: line.quantity,
          restockType: 'RETURN',
          lineItem: lineItem(line, currency),
          subtotalSet: bag(line.price, currency),
          totalTaxSet: bag('0.00', currency),
        })),
        asked,
        rules,
      ),
  });
  const product = (one: ShopProduct) => ({
    ...ids('Product', one.id),
    title: one.title,
    handle: one.title.toLowerCase().replace(/\W+/g, '-'),
    vendor: 'Fixture Records',
    productType: 'Record',
    status: one.status,
    tags: ['vinyl'],
    createdAt: utc(one.createdAtMs),
    updatedAt: utc(one.updatedAtMs),
    publishedAt: null,
    variants: (asked: ConnectionArguments) => nestedConnection(one.variants.map(variant), asked, rules),
  });
  return { order, refund, product, customer, deletion };
}

function customer({ id, email, first_name, last_name, ...one }: ShopBuyer) {
  return {
    ...ids('Customer', id),
    createdAt: utc(one.createdAtMs),
    updatedAt: utc(one.updatedAtMs),
    firstName: first_name,
    lastName: last_name,
    state: 'ENABLED',
    note: null,
    verifiedEmail: true,
    locale: 'en',
    tags: [],
    numberOfOrders: String(one.orders),
    amountSpent: { amount: `${String(one.orders * 10)}.0`, currencyCode: 'EUR' },
    defaultEmailAddress: { emailAddress: email, marketingState: 'SUBSCRIBED' },
    defaultPhoneNumber: null,
  };
}

function deletion({ id, subject_type, subject_id, created_at }: ShopDeletion) {
  return {
    __typename: 'BasicEvent',
    id: `gid://shopify/BasicEvent/${String(id)}`,
    action: 'destroy',
    createdAt: utc(Date.parse(created_at)),
    subjectId: `gid://shopify/${subject_type}/${String(subject_id)}`,
    subjectType: subject_type.toUpperCase(),
  };
}

function lineItem(
  { id, product_id, variant_id, sku, title, quantity, price }: ShopLineItem,
  currency: string,
) {
  return {
    id: `gid://shopify/LineItem/${String(id)}`,
    sku,
    title,
    quantity,
    product: ids('Product', product_id),
    variant: variant_id === null ? null : ids('ProductVariant', variant_id),
    originalUnitPriceSet: bag(price, currency),
  };
}

function variant({ id, sku, title, price, stock }: ShopVariant) {
  return { ...ids('ProductVariant', id), sku, title, price, compareAtPrice: null, inventoryQuantity: stock };
}

function ids(type: string, id: bigint) {
  return { __typename: type, id: `gid://shopify/${type}/${String(id)}`, legacyResourceId: String(id) };
}

function bag(amount: string, currencyCode: string) {
  return { shopMoney: { amount: amount.replace(/(\.\d+?)0+$/, '$1'), currencyCode } };
}

function utc(instantMs: number): string {
  return `${new Date(instantMs).toISOString().slice(0, 19)}Z`;
}
