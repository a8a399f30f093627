import { buildSchema } from 'graphql';

/** The part of Shopify's GraphQL Admin API that the fixture shop has; names and nullability as in its reference. */
export const shopSchema = buildSchema(`
scalar DateTime
scalar Decimal
scalar Money
scalar URL
scalar UnsignedInt64
enum OrderSortKeys { ID UPDATED_AT }
enum CustomerSortKeys { ID UPDATED_AT }
enum ProductSortKeys { ID UPDATED_AT }
enum EventSortKeys { ID CREATED_AT }
enum EventSubjectType { ORDER PRODUCT }
enum OrderDisplayFinancialStatus { PENDING PAID REFUNDED }
enum OrderDisplayFulfillmentStatus { FULFILLED UNFULFILLED PARTIALLY_FULFILLED }
enum CustomerState { DISABLED ENABLED }
enum CustomerEmailAddressMarketingState { SUBSCRIBED NOT_SUBSCRIBED }
enum ProductStatus { ACTIVE DRAFT }
enum RefundLineItemRestockType { RETURN NO_RESTOCK }
enum BulkOperationStatus { CREATED RUNNING CANCELING CANCELED COMPLETED EXPIRED FAILED }
enum BulkOperationErrorCode { ACCESS_DENIED INTERNAL_SERVER_ERROR TIMEOUT }
enum BulkOperationUserErrorCode { INVALID OPERATION_IN_PROGRESS LIMIT_REACHED }

interface Node { id: ID! }
type Shop implements Node { id: ID! name: String! }
type PageInfo { hasNextPage: Boolean! endCursor: String }
type MoneyV2 { amount: Decimal! currencyCode: String! }
type MoneyBag { shopMoney: MoneyV2! }

type Order implements Node {
  id: ID! legacyResourceId: UnsignedInt64! name: String! email: String
  createdAt: DateTime! updatedAt: DateTime! cancelledAt: DateTime currencyCode: String!
  totalPriceSet: MoneyBag! totalTaxSet: MoneyBag
  displayFinancialStatus: OrderDisplayFinancialStatus
  displayFulfillmentStatus: OrderDisplayFulfillmentStatus!
  note: String test: Boolean! customer: Customer
  lineItems(first: Int, after: String): LineItemConnection!
  refunds(first: Int): [Refund!]!
}
type OrderConnection { edges: [OrderEdge!]! nodes: [Order!]! pageInfo: PageInfo! }
type OrderEdge { cursor: String! node: Order! }
type LineItem implements Node {
  id: ID! sku: String title: String! quantity: Int! product: Product variant: ProductVariant
  originalUnitPriceSet: MoneyBag!
}
type LineItemConnection { edges: [LineItemEdge!]! nodes: [LineItem!]! pageInfo: PageInfo! }
type LineItemEdge { cursor: String! node: LineItem! }
type Refund implements Node {
  id: ID! legacyResourceId: UnsignedInt64! createdAt: DateTime updatedAt: DateTime! note: String
  totalRefundedSet: MoneyBag!
  refundLineItems(first: Int, after: String): RefundLineItemConnection!
}
type RefundLineItem {
  id: ID quantity: Int! restockType: RefundLineItemRestockType! lineItem: LineItem!
  subtotalSet: MoneyBag! totalTaxSet: MoneyBag!
}
type RefundLineItemConnection { edges: [RefundLineItemEdge!]! nodes: [RefundLineItem!]! pageInfo: PageInfo! }
type RefundLineItemEdge { cursor: String! node: RefundLineItem! }

type Customer implements Node {
  id: ID! legacyResourceId: UnsignedInt64! createdAt: DateTime! updatedAt: DateTime!
  firstName: String lastName: String state: CustomerState! note: String verifiedEmail: Boolean! locale: String!
  tags: [String!]! numberOfOrders: UnsignedInt64! amountSpent: MoneyV2!
  defaultEmailAddress: CustomerEmailAddress defaultPhoneNumber: CustomerPhoneNumber
}
type CustomerEmailAddress { emailAddress: String! marketingState: CustomerEmailAddressMarketingState! }
type CustomerPhoneNumber { phoneNumber: String! }
type CustomerConnection { edges: [CustomerEdge!]! nodes: [Customer!]! pageInfo: PageInfo! }
type CustomerEdge { cursor: String! node: Customer! }

type Product implements Node {
  id: ID! legacyResourceId: UnsignedInt64! title: String! handle: String! vendor: String! productType: String!
  status: ProductStatus! tags: [String!]! createdAt: DateTime! updatedAt: DateTime! publishedAt: DateTime
  variants(first: Int, after: String): ProductVariantConnection!
}
type ProductVariant implements Node {
  id: ID! legacyResourceId: UnsignedInt64! title: String! sku: String price: Money! compareAtPrice: Money
  inventoryQuantity: Int
}
type ProductConnection { edges: [ProductEdge!]! nodes: [Product!]! pageInfo: PageInfo! }
type ProductEdge { cursor: String! node: Product! }
type ProductVariantConnection { edges: [ProductVariantEdge!]! nodes: [ProductVariant!]! pageInfo: PageInfo! }
type ProductVariantEdge { cursor: String! node: ProductVariant! }

interface Event { id: ID! action: String! createdAt: DateTime! }
type BasicEvent implements Event & Node {
  id: ID! action: String! createdAt: DateTime! subjectId: ID subjectType: EventSubjectType!
}
type EventConnection { edges: [EventEdge!]! nodes: [Event!]! pageInfo: PageInfo! }
type EventEdge { cursor: String! node: Event! }

type BulkOperation implements Node {
  id: ID! status: BulkOperationStatus! errorCode: BulkOperationErrorCode createdAt: DateTime!
  objectCount: UnsignedInt64! url: URL
}
type BulkOperationUserError { field: [String!] message: String! code: BulkOperationUserErrorCode }
type BulkOperationRunQueryPayload { bulkOperation: BulkOperation userErrors: [BulkOperationUserError!]! }
type BulkOperationCancelPayload { bulkOperation: BulkOperation userErrors: [BulkOperationUserError!]! }

type QueryRoot {
  shop: Shop!
  node(id: ID!): Node
  orders(first: Int, after: String, sortKey: OrderSortKeys = ID, query: String): OrderConnection!
  customers(first: Int, after: String, sortKey: CustomerSortKeys = ID, query: String): CustomerConnection!
  products(first: Int, after: String, sortKey: ProductSortKeys = ID, query: String): ProductConnection!
  events(first: Int, after: String, sortKey: EventSortKeys = ID, query: String): EventConnection!
}
type Mutation {
  bulkOperationRunQuery(query: String!, groupObjects: Boolean! = false): BulkOperationRunQueryPayload
  bulkOperationCancel(id: ID!): BulkOperationCancelPayload
}
schema { query: QueryRoot mutation: Mutation }
`);
