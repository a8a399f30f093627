import { at, children, gid, integer, money, object, ofParent, word, type Shape } from './shape.js';

/** A stream of the GraphQL Admin API: what is asked for, and the rows that are made of it. */
export interface ShopifyStream {
  /** Field of the root whose objects are searched by `updated_at`. */
  readonly root: 'orders' | 'customers' | 'products';
  /** Fields of one object, `id` and `updatedAt` among them. */
  readonly fields: string;
  /** A list of the object whose elements are the rows. */
  readonly part?: { readonly list: string; readonly fields: string };
  /** A connection of the row's object. */
  readonly nested?: {
    readonly type: string;
    readonly connection: string;
    readonly fields: string;
    /** Asked for with each object; what is beyond is asked for by the object's id. */
    readonly first: number;
  };
  readonly shape: Shape;
  /** What events call such an object; absent where no event tells of a deletion. */
  readonly subjectType?: 'ORDER' | 'PRODUCT';
  /** Whether a read of everything can be a bulk operation. Those allow no connection within a list. */
  readonly isBulk: boolean;
  /** Objects on a page where nobody says, so that a page stays below the 1,000 points that one query may cost. */
  readonly pageSize: number;
}

const amount = (name: string): string => `${name} { shopMoney { amount } }`;
const amountAt = (name: string) => money(name, 'shopMoney', 'amount');

const orders: ShopifyStream = {
  root: 'orders',
  fields: `id legacyResourceId name email createdAt updatedAt cancelledAt currencyCode
    ${amount('totalPriceSet')} ${amount('totalTaxSet')}
    displayFinancialStatus displayFulfillmentStatus note test
    customer { legacyResourceId firstName lastName defaultEmailAddress { emailAddress } }`,
  nested: {
    type: 'Order',
    connection: 'lineItems',
    fields: `id sku title quantity product { legacyResourceId } variant { legacyResourceId }
      ${amount('originalUnitPriceSet')}`,
    first: 8,
  },
  shape: {
    id: integer('legacyResourceId'),
    admin_graphql_api_id: at('id'),
    name: at('name'),
    email: at('email'),
    created_at: at('createdAt'),
    updated_at: at('updatedAt'),
    cancelled_at: at('cancelledAt'),
    currency: at('currencyCode'),
    total_price: amountAt('totalPriceSet'),
    total_tax: amountAt('totalTaxSet'),
    financial_status: word({}, 'displayFinancialStatus'),
    fulfillment_status: word(
      { unfulfilled: null, partially_fulfilled: 'partial' },
      'displayFulfillmentStatus',
    ),
    note: at('note'),
    test: at('test'),
    customer: object(
      {
        id: integer('legacyResourceId'),
        email: at('defaultEmailAddress', 'emailAddress'),
        first_name: at('firstName'),
        last_name: at('lastName'),
      },
      'customer',
    ),
    line_items: children({
      id: gid('id'),
      product_id: integer('product', 'legacyResourceId'),
      variant_id: integer('variant', 'legacyResourceId'),
      sku: at('sku'),
      title: at('title'),
      quantity: at('quantity'),
      price: amountAt('originalUnitPriceSet'),
    }),
  },
  subjectType: 'ORDER',
  isBulk: true,
  pageSize: 15,
};

const customers: ShopifyStream = {
  root: 'customers',
  fields: `id legacyResourceId createdAt updatedAt firstName lastName state note verifiedEmail locale tags
    numberOfOrders amountSpent { amount currencyCode }
    defaultEmailAddress { emailAddress marketingState } defaultPhoneNumber { phoneNumber }`,
  shape: {
    id: integer('legacyResourceId'),
    admin_graphql_api_id: at('id'),
    email: at('defaultEmailAddress', 'emailAddress'),
    email_marketing_state: word({}, 'defaultEmailAddress', 'marketingState'),
    phone: at('defaultPhoneNumber', 'phoneNumber'),
    first_name: at('firstName'),
    last_name: at('lastName'),
    created_at: at('createdAt'),
    updated_at: at('updatedAt'),
    state: word({}, 'state'),
    locale: at('locale'),
    verified_email: at('verifiedEmail'),
    orders_count: integer('numberOfOrders'),
    total_spent: money('amountSpent', 'amount'),
    currency: at('amountSpent', 'currencyCode'),
    note: at('note'),
    tags: at('tags'),
  },
  isBulk: true,
  pageSize: 100,
};

const products: ShopifyStream = {
  root: 'products',
  fields: `id legacyResourceId title handle vendor productType status tags createdAt updatedAt publishedAt`,
  nested: {
    type: 'Product',
    connection: 'variants',
    fields: 'id legacyResourceId title sku price compareAtPrice inventoryQuantity',
    first: 10,
  },
  shape: {
    id: integer('legacyResourceId'),
    admin_graphql_api_id: at('id'),
    title: at('title'),
    handle: at('handle'),
    vendor: at('vendor'),
    product_type: at('productType'),
    status: word({}, 'status'),
    tags: at('tags'),
    created_at: at('createdAt'),
    updated_at: at('updatedAt'),
    published_at: at('publishedAt'),
    variants: children({
      id: integer('legacyResourceId'),
      title: at('title'),
      sku: at('sku'),
      price: money('price'),
      compare_at_price: money('compareAtPrice'),
      inventory_quantity: at('inventoryQuantity'),
    }),
  },
  subjectType: 'PRODUCT',
  isBulk: true,
  pageSize: 50,
};

/** There is no search of refunds: they are read as parts of the orders that changed. A refund changes its order. */
const refunds: ShopifyStream = {
  root: 'orders',
  fields: 'id legacyResourceId updatedAt currencyCode',
  part: {
    list: 'refunds',
    fields: `id legacyResourceId createdAt updatedAt note ${amount('totalRefundedSet')}`,
  },
  nested: {
    type: 'Refund',
    connection: 'refundLineItems',
    fields: `id quantity restockType lineItem { id } ${amount('subtotalSet')} ${amount('totalTaxSet')}`,
    first: 5,
  },
  shape: {
    id: integer('legacyResourceId'),
    admin_graphql_api_id: at('id'),
    order_id: ofParent(integer('legacyResourceId')),
    created_at: at('createdAt'),
    updated_at: at('updatedAt'),
    currency: ofParent(at('currencyCode')),
    total_refunded: amountAt('totalRefundedSet'),
    note: at('note'),
    refund_line_items: children({
      id: gid('id'),
      line_item_id: gid('lineItem', 'id'),
      quantity: at('quantity'),
      restock_type: word({}, 'restockType'),
      subtotal: amountAt('subtotalSet'),
      total_tax: amountAt('totalTaxSet'),
    }),
  },
  isBulk: false,
  pageSize: 20,
};

/** Streams of the GraphQL Admin API, by their names. */
export const shopifyStreams = { orders, customers, products, refunds } as const;

/** The name of one. */
export type ShopifyStreamName = keyof typeof shopifyStreams;
