"""The objects between the API and the store: data with its methods, tenancy and a version.

Class methods take the request context and instances keep it, so that an object can only be had by
someone who may have it.
"""
