package app

import (
	"net/http"

	"vestibule.dev/pkg/apierr"
	"vestibule.dev/services/payments/internal/domain"
)

// ProductRef names a product of the catalogue or brings one along; exactly one
// of both is given.
type ProductRef struct {
	ID     *string
	Inline *domain.Product
}

// resolve finds the product a request means and offers it to a customer
// (payments.md §4.2).
func (r request) resolve(ref ProductRef, customer domain.Customer) (domain.Offer, error) {
	offer := domain.Offer{Customer: customer, ProductID: ref.ID}
	switch {
	case ref.ID != nil && ref.Inline != nil:
		return offer, apierr.Text(http.StatusBadRequest, "Name a product or describe one inline, not both.")
	case ref.Inline != nil && !r.Access.Trusted():
		return offer, apierr.Text(http.StatusBadRequest, "Clients cannot describe products inline.")
	case ref.Inline != nil:
		offer.Product = *ref.Inline
		return offer, nil
	case ref.ID == nil:
		return offer, apierr.Text(http.StatusBadRequest, "Name a product or describe one inline.")
	}
	product, ok := r.project.Catalog.Products.Get(*ref.ID)
	if fault := r.project.Catalog.Malformed[*ref.ID]; fault != nil {
		return offer, apierr.Text(http.StatusBadRequest, "This product is not configured correctly: "+fault.Error()+".")
	}
	if !ok {
		context := ""
		if _, isItem := r.project.Catalog.Items[*ref.ID]; isItem {
			context = apierr.ContextItemExists
		}
		return offer, apierr.ProductDoesNotExist(*ref.ID, context)
	}
	if product.ServerOnly && !r.Access.Trusted() {
		return offer, apierr.ProductDoesNotExist(*ref.ID, apierr.ContextServerOnly)
	}
	offer.Product = product
	return offer, nil
}

// checkCustomerType refuses a product that is for another type of customer.
func checkCustomerType(offer domain.Offer) error {
	if offer.Product.CustomerType == offer.Customer.Type {
		return nil
	}
	productID := ""
	if offer.ProductID != nil {
		productID = *offer.ProductID
	}
	return apierr.ProductCustomerTypeDoesNotMatch(productID, offer.Customer.ID, string(offer.Product.CustomerType), string(offer.Customer.Type))
}
